"""How plausible names of files are as text of an encoding: their probability in a simple model.

The names of an archive are few and short, and detectors of encodings are made for pages of text: on
one or two Chinese, Japanese or German words charset-normalizer 3.5.3 is wrong in 9 of 21 cases.
"""

import functools
import math
import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

PRIORS = {
    "utf_8": 4.0,
    "gb18030": 1.5,
    "cp932": 1.0,
    "cp949": 0.0,
    "big5": 0.0,
    "cp437": 0.5,
    "cp866": 0.0,
    "cp850": 0.0,
    "cp1252": 0.0,
    "cp1251": 0.0,
    "cp1250": -2.0,
    "cp852": -2.0,
    "koi8_r": -2.0,
    "euc_jp": -2.0,
    "cp737": -2.0,
    "cp1253": -2.0,
    "cp1254": -2.0,
    "cp857": -2.0,
    "cp862": -2.0,
    "cp1255": -2.0,
    "cp1256": -2.0,
    "cp874": -2.0,
}
"""Encoding → logarithm of how much more often zips have it than another."""

HAN = {
    "gb18030": ("gb2312", range(0xB0, 0xD8), 3755),
    "big5": ("big5", range(0xA4, 0xC7), 5401),
    "cp932": ("euc_jp", range(0xB0, 0xD0), 2 * 2965),
    "euc_jp": ("euc_jp", range(0xB0, 0xD0), 2 * 2965),
    "utf_8": ("gb2312", range(0xB0, 0xD8), 3755),
}
"""Encoding → codec of its national standard, first bytes there of common characters, and the
inverse of how often one of these is met."""

CYRILLIC = dict(zip(
    "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
    (1097, 845, 801, 735, 670, 626, 547, 473, 454, 440, 349, 321, 298, 281, 262, 201, 190, 174,
     170, 165, 159, 144, 121, 97, 94, 73, 64, 48, 36, 32, 26, 4, 4),
    strict=True,
))  # fmt: skip
"""Letter → how often it is met in 10,000 of Russian (National Corpus)."""

FINALS = {0: 0.45, 4: 0.14, 21: 0.11, 8: 0.09, 1: 0.07, 16: 0.05, 17: 0.03, 19: 0.03}
"""Final consonant of a Korean syllable, as its number in Unicode → how often it is met."""

RARE_VOWELS = frozenset({3, 7, 10, 11, 15, 16, 19})
DOUBLED = frozenset({1, 4, 8, 10, 13})
"""Numbers of rare vowels and of doubled first consonants of Korean syllables."""

WESTERN = frozenset("äöüßéèêàâçñåøáíóúîôûãõæœïëìòù")
TURKISH = frozenset("çğ\u0131öşüâîû")
ALPHABETS = {
    "GREEK": ("cp737", "cp1253", "utf_8"),
    "HEBREW": ("cp862", "cp1255", "utf_8"),
    "ARABIC": ("cp1256", "utf_8"),
    "THAI": ("cp874", "utf_8"),
}
"""Script → encodings in which its letters are usual."""

EASTERN = frozenset("ąćęłńóśźżčďěňřšťůžáéíúýőűăâîșşțţäöü")
RARE, ALIEN = -11.0, -14.0
"""Logarithms of probability of a rare character of an encoding, and of one that names lack."""

ALONE = -8.0
"""Of a word with accents but without a plain letter, such as éà, and of a letter as a word."""

MIXED = -5.0
"""Of two neighbors of different scripts in a word, such as K and 罵."""


def score(names: Iterable[str], encoding: str) -> float:
    """Return the logarithm of how plausible decoded names are together; the greater, the better."""
    return PRIORS[encoding] + sum(_word(word, encoding) for name in names for word in _words(name))


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[ -@\[-`{-~]+", name) if not word.isascii()]


def _word(word: str, encoding: str) -> float:
    total = sum(_character(each, encoding) for each in word if not each.isascii())
    scripts = [_script(each) for each in word]
    total += MIXED * sum(a != b for a, b in pairwise(scripts) if a and b)
    total += MIXED * sum(a.islower() and b.isupper() for a, b in pairwise(word))
    is_latin = "LATIN" in scripts and not any(each.isascii() for each in word)
    is_letter = len(word) == 1 and scripts[0] not in ("CJK", "HANGUL")
    if is_latin or is_letter:
        total += ALONE
    return total


@functools.lru_cache(maxsize=10_000)
def _script(character: str) -> str:
    """Return the first word of a letter's name in Unicode; empty for marks and other characters."""
    if character.isascii() and character.isalpha():
        return "LATIN"
    script = unicodedata.name(character, "").split(" ")[0].removesuffix("-")
    is_japanese = script in ("HIRAGANA", "KATAKANA", "CJK", "KATAKANA-HIRAGANA")
    return "CJK" if is_japanese else script if character.isalpha() else ""


@functools.lru_cache(maxsize=100_000)
def _character(character: str, encoding: str) -> float:
    """Return the logarithm of how often a character is met in names in an encoding."""
    code = ord(character)
    if unicodedata.category(character) == "Mn":
        return -4.5 if encoding in ("utf_8", "cp874") else ALIEN
    if not character.isalpha() and character not in "々ー〆":
        return ALIEN
    if 0xAC00 <= code <= 0xD7A3:
        return _hangul(code - 0xAC00) if encoding in ("cp949", "utf_8") else ALIEN
    if 0x3040 <= code <= 0x30FF:
        return -5.6 if encoding in ("cp932", "euc_jp", "utf_8") else ALIEN
    if _script(character) == "CJK":
        return _han(character, encoding)
    if (encoding in HAN and encoding != "utf_8") or encoding == "cp949":
        return ALIEN
    if _script(character) == "CYRILLIC":
        share = CYRILLIC.get(character.lower(), 1) / 10_000
        return math.log(share) - (1.5 if character.isupper() else 0)
    return _alphabetic(character, encoding)


def _alphabetic(character: str, encoding: str) -> float:
    lower = character.lower()
    if _script(character) == "LATIN":
        usual = EASTERN if encoding in ("cp1250", "cp852") else WESTERN
        usual = TURKISH if encoding in ("cp1254", "cp857") else usual
        usual = WESTERN | EASTERN | TURKISH if encoding == "utf_8" else usual
        return (-4.5 if lower in usual else -8.0) - (1.5 if character.isupper() else 0)
    return -4.5 if encoding in ALPHABETS.get(_script(character), ()) else RARE


def _han(character: str, encoding: str) -> float:
    if encoding not in HAN:
        return ALIEN
    codec, common, count = HAN[encoding]
    try:
        first = character.encode(codec)[0]
    except UnicodeEncodeError:
        return ALIEN if encoding != "utf_8" else RARE
    return -math.log(count) if first in common else -math.log(count) - 3.5


def _hangul(number: int) -> float:
    """Return the logarithm of how often a Korean syllable is met, by its parts."""
    initial, vowel, final = number // 588, number // 28 % 21, number % 28
    share = FINALS.get(final, 0.001) * (0.01 if vowel in RARE_VOWELS else 1 / 12)
    return math.log(share * (0.01 if initial in DOUBLED else 1 / 14))
