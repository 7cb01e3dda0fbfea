"""A stand-in for TensorBoard's writer: a script moves by one line.

    from torch.utils.tensorboard import SummaryWriter    ->    from tracker.tensorboard import SummaryWriter

It has the calls of PyTorch's writer (which are those of tensorboardX), and writes runs of a store in place of event
files. Neither torch nor tensorboard is needed for it. The store is STEPLOG_DIR, else "./experiments".

    writer        SummaryWriter: scalars, hparams, texts
    picturecalls  its pictures, sounds and films
    valuecalls    its histograms, arrays, embeddings, and what isn't kept
    calls         what these share
    logdir        log_dir as an experiment and a run's name
    writtenrun    the run that a writer writes: which one, and who ends it
"""

from tracker.tensorboard.writer import SummaryWriter

__all__ = ["SummaryWriter"]
