"""Text to tokens, by nginx's rules of quoting.

- Blanks, tabs, line ends separate words; ";", "{" and "}" end statements and open and close blocks.
- A "#" where a word could begin starts a comment; inside a word it is an ordinary character.
- A word that begins with a quote goes to the next quote of that kind; inside other words quotes are ordinary,
  and so is "}". A "{" ends a word, except after "$": ${name}.
- A backslash takes the special meaning from the next character. \" \' \\ \t \r \n are replaced by what they
  stand for; before any other character the backslash stays.

One regular expression does all of this, because a generated configuration has a hundred thousand tokens.
"""

from __future__ import annotations

import re

# Numbers of the groups of TOKEN: which of them took part says what the token is.
PUNCTUATION, DOUBLE, SINGLE, WORD, OPEN_QUOTE = 1, 2, 3, 4, 5

TOKEN = re.compile(
    r"""
    [ \t\r\n]* (?: \#[^\n]* [ \t\r\n]* )*
    (?:
        ([;{}])
      | "( [^"\\]* (?: \\[\s\S] [^"\\]* )* )"
      | '( [^'\\]* (?: \\[\s\S] [^'\\]* )* )'
      | ( (?: [^ \t\r\n;{}"'\#\\$] | \\[\s\S]? | \$\{? ) (?: [^ \t\r\n;{\\$]+ | \\[\s\S]? | \$\{? )* )
      | (["'])
      | \Z
    )
    """,
    re.VERBOSE,
)

AFTER_QUOTE = " \t\r\n;{)"  # what may follow a closing quote; ")" because of if ($a = "b")

_ESCAPE = re.compile(r"\\([\s\S])")
_MEANING = {'"': '"', "'": "'", "\\": "\\", "t": "\t", "r": "\r", "n": "\n"}


def unescape(word: str) -> str:
    """A word with its escapes replaced."""
    return _ESCAPE.sub(lambda match: _MEANING.get(match[1], match[0]), word)
