"""What people do about what was said: moderators, and the members whom it is about.

- `toxcheck`: `/toxcheck`, and the menus *Check toxicity* and *Report to moderators* of a message.
- `report_limit`: how often a member may report.
- `incidents`: `/incidents`; `incident_offers` is its autocomplete.
- `incident_pages`: a list that is read page by page.
- `incident_search`: finding what was said in contents that are encrypted.
- `incident_file`: incidents as CSV or JSON.
- `privacy`: `/privacy`, for everybody.
"""
