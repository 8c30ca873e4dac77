"""Texts from outside, made fit for a line of ours."""


def one_line(text: str, most: int = 300) -> str:
    """Without line breaks and control characters, and no longer than ``most`` letters."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[: 4 * most]).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
