"""What travels: message types, the topic catalogue, codecs of money and time.

Nothing here imports `detectors` or `monitor`, reads a clock or does I/O.
"""
