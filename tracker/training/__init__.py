"""Training with a tracker: an engine that searches algorithms and hyperparameters, and logs all that it does.

A table becomes numbers (`columns`, `tablecoder`), numbers and labels a `problem`; `scoring` says what is good,
`portfolio` which algorithms there are, each with its `space` of hyperparameters and its `preprocessing`. The `engine`
searches, `featureselection` and `ensemble` do what their names say. Every method is scikit-learn's, or cited.
"""
