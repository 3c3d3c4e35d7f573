"""Everything that is said in servers, on its way from the gateway to the pipeline.

The cogs, by what they listen to:

- `watch`: messages and edits, what AutoMod did, and how far each channel was read; it adds the next two.
- `titles`: titles of threads and forum posts.
- `names`: the names by which members are seen.
- `catch_up`: what was said while Referee was away.

What they work with:

- `intake`: makes excerpts of what was said, where it is new.
- `delivery`: has the pipeline decide on excerpts, as `bot.waiting_room` lets them in, and act on them once their clips
  are here.
- `latest`: of many revisions of one message only the newest waits.
- `shedding`: whether more is said than can be judged, and telling moderators so.
- `clip_room`: how many clips are in work and in memory, and what of that a server may have.
- `again`: what the database did not take.
- `surfaces`: what can be read, and listened to, in a message, a thread or a member.
- `component_text`: the text of buttons, menus and layouts.
- `gaps`: where something was said that was not read, or may have been changed since it was.
- `responsible`: whether a message is judged at all, and as whose.
- `members`: who somebody is in a server.
- `revisions`: what was read of each message last.
- `progress`: how far each channel has been read.
"""
