"""The digest: the news of a squeeze becomes one mail: what is the matter in its subject, what to know in its body.

What the mail says is worked out once, as values, and written twice: so its text and its HTML say the same.

    letter      what a mail says: sections with facts, recent runs, records and commands. Values alone
    words       names, moments and numbers for people
    shell       commands to copy, quoted so that they run nothing else
    records     what is shown of records: the two ends, each traceback once, no more than a mail can hold
    sections    one section for each flip, and one for mails that were refused
    gathered    the section of everything that was logged since the last digest
    subject     the line that is read first
    as_text     the letter as text
    as_html     the letter as HTML
    attachment  the whole log, compressed
    message     headers and parts put together: bytes
    composing   all of it, in order
"""

from mailsponge.sponge.digest.composing import MOST_SOURCES, compose
from mailsponge.sponge.digest.records import FIRST_RECORDS, LAST_RECORDS
from mailsponge.sponge.digest.words import name

__all__ = [
    "FIRST_RECORDS",
    "LAST_RECORDS",
    "MOST_SOURCES",
    "compose",
    "name",
]
