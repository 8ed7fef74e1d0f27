"""What a worker refuses: it says so, and a start in the same way would end the same."""


class Refused(Exception):
    """A person has to do something first; the message says what. Where in the program it was found tells nothing."""
