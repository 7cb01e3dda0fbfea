"""What isn't a number, as files: pictures, sounds, films, and the numbers that stand for a distribution.

This is what other trackers' calls bring along (see tracker.tensorboard and tracker.wandb).

    arrays         tensors of any library as NumPy arrays
    pictures       arrays as PNG
    recordings     arrays as WAV, and as animated GIF
    distributions  many values as the few numbers that are charted over steps
    names          a name for each file below a tag
    notkept        what isn't kept is said once
"""
