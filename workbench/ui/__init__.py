"""The workbench in a notebook: widgets that show a Session and edit its config. Begin with `session.widget()`."""
