BROKEN: dict = {}
