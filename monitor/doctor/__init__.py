"""`claims-monitor doctor`: looks at a set-up and says what is wrong and what to do.

It only reads. Each module looks at one side: what lies on this machine, what the brokers say, what the workers say, and
whether local state equals its changelog. What is found is a list of `Finding`; the command prints them.
"""
