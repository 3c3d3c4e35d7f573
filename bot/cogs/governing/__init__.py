"""How a server wants Referee to work: what its managers choose, and how it does.

- `arrival`: the welcome in a new server, and forgetting one that Referee was removed from.
- `setup_guide`: `/referee setup`; `setup_view` is its message, `setup_plan` what was chosen, `setup_save` saves it.
- `policy`: `/policy`; `policy_edits` puts a change in force and shows it as before and after.
- `policy_clips`: the parts of `/policy` about voice clips: words to listen for, and languages that nobody can judge.
- `policy_files`: policies that are imported, and given back; `policy_history`: who changed what.
- `status`: `/referee status` and `/referee resume`; `status_page` is what the former shows.
- `referee_group`: the command `/referee`, to which the others add their parts.
"""
