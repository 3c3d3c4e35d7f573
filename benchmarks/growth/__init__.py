"""How cost grows: with servers, members, incidents, categories and the length of a message.

`laws` says what growth is and when it is too much, `costs` measures. `servers`, `members`, `incidents`, `categories`
and `length` are what is measured, `rig` the bot that some of them measure, `report` what is shown.
"""
