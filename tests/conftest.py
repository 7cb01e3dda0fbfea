"""What holds for all tests."""

import signal

# A shell's background job begins with SIGINT ignored, and its children inherit that: Ctrl-C would end none of them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
