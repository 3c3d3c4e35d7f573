"""What people write to break what shows it: pieces, and texts made of them."""

from hypothesis import strategies as st

MARKDOWN = (
    *(
        "[||](x)",
        "[**](x)",
        "[a](https://evil.example)",
        "[a](<https://e.example>)",
        "[`](y)",
        "[a](b)[c](https://e.example)",
    ),
    *("||", "|", "**", "*", "__", "_", "~~", "`", "```", "```ansi\n\x1b[31mred", "\\", "\\\\", "\\|", "||||"),
    *("\n# ", "# ", "## ", "-# ", "> ", ">>> ", "- ", "* ", "1. ", "12. ", "\n- ", "\r\n> ", "\u2028# "),
)
PINGS = (
    *("@everyone", "@here", "@\u200beveryone", "<@1>", "<@!123456789012345678>", "<@&123456789012345678>", "<#1>"),
    *("<t:1:R>", "<:smile:123>", "<a:x:1>", "</ban:1>", "<id:guide>", "<mailto:a@b.example>", "<tel:+1>", "<@"),
)
LINKS = (
    *("https://evil.ex/", "1https://evil.example", "HTTP://EVIL.example", "discord.gg/abc", "Discord.com/invite/x"),
    *("steam://run/1", "ftp://x", "dis.gd/x", "discordapp.com/invite/x", "://"),
)
STEERING = (
    *("\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\x00", "\r", "\x08", "\x7f", "\x85", "\u2028", "\u2029"),
    *("\u202e", "\u2066", "\u061c", "\u200f", "\ufeff", "\u200b", "\U000e0041", "\ud800", "e" + "\u0301" * 30),
)
FORMULAS = (
    *("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "\u200b=1", "\ufeff=1", "\u00a0=1", "＝1", "＋1"),
    *("－1", "＠SUM(1)", "\u22121", "﹦1", '=cmd|" /C calc"!A0', '"=1', "'=1", '";=1', ",=1", "\u2028=1", "\x00=1"),
)
PATHS = (
    *("../../etc/passwd", "..\\..\\x", "/etc/passwd", "a\x00b", "x" * 300, "con", "nul.ogg", "%2e%2e%2f", "a\nb.ogg"),
    *("voice\u202egpj.exe", ".", "..", "~", "$(id)", "`id`", "a;b", 'a"b', "a\r\nContent-Type: text/html", "C:\\x"),
)
PIECES = (*MARKDOWN, *PINGS, *LINKS, *STEERING, *FORMULAS, *PATHS)

texts = st.lists(
    st.one_of(st.sampled_from(PIECES), st.sampled_from(PIECES), st.text(max_size=5)), min_size=1, max_size=6
).map("".join)
"""Texts of any pieces beside each other, and of anything."""

short = texts.map(lambda text: f"{text[:60]}x")
"""Texts that fit wherever a text is shown, and are never blank."""
