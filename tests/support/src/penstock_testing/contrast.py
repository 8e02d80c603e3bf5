"""How far two colours stand apart, as WCAG 2.2 counts it."""


def contrast(one: str, other: str) -> float:
    """From 1 to 21, for colours of three or six hexadecimal digits."""
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    short = 3
    digits = "".join(digit * 2 for digit in colour) if len(colour) == short else colour
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
