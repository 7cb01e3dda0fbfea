"""The dashboard: a server over one store that shows its runs in a browser, live.

`readers.dashboard.server` runs it here, `readers.dashboard.process` in a process of its own; both take
`DashboardSettings`. Whoever imports this package, or its `settings` and `process`, has imported no web framework.
"""
