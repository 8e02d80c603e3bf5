"""Words of services outside, as they may stand in status, Events and log lines."""


def printable(words: str, longest: int) -> str:
    """One line of what can be printed, with `longest` characters at most."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in words[: 4 * longest]).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
