import os
import time
from itertools import count

import numpy as np

from tracker import ExperimentTracker, RealTimeTracker

tracker = ExperimentTracker(experiment_name="streaming", auto_log=False)

# It sleeps a hundredth of the time, and at the 500th iteration until somebody has looked at its dashboard; that gets any
# free port, as 8080 may be taken where this runs, and its address is written where the one who looks reads it.
_sleep, _slept = time.sleep, count()


def _sleep_less(seconds):
    if seconds == 0.1 and next(_slept) == 500 and "SEEN" in os.environ:
        with open(os.environ["SEEN"]) as seen:
            seen.read()
    _sleep(seconds / 100)


def _start_anywhere(self, port, _start=RealTimeTracker.start_dashboard):
    assert port == 8080
    address = _start(self, 0)
    if "ADDRESS" in os.environ:
        with open(os.environ["ADDRESS"], "w") as file:
            file.write(address)


time.sleep = _sleep_less
RealTimeTracker.start_dashboard = _start_anywhere

# --- from here on the specification's own text ---
from tracker import RealTimeTracker
import threading
import time

# Real-time tracking for long-running experiments
realtime_tracker = RealTimeTracker(tracker)

def long_running_experiment():
    """Simulate a long-running experiment with real-time updates"""
    run_id = realtime_tracker.start_run("long_running_experiment")
    
    # Initialize real-time dashboard
    realtime_tracker.start_dashboard(port=8080)
    
    for iteration in range(1000):
        # Simulate some computation
        time.sleep(0.1)
        
        # Generate metrics
        loss = 2.0 * np.exp(-iteration * 0.001) + np.random.normal(0, 0.1)
        accuracy = 1 - np.exp(-iteration * 0.002) + np.random.normal(0, 0.02)
        
        # Stream metrics in real-time
        realtime_tracker.stream_metrics({
            'iteration': iteration,
            'loss': loss,
            'accuracy': accuracy,
            'memory_usage': np.random.uniform(100, 500)
        })
        
        # Log checkpoints every 100 iterations
        if iteration % 100 == 0:
            realtime_tracker.save_checkpoint({
                'iteration': iteration,
                'model_state': f"checkpoint_{iteration}",
                'best_accuracy': max(accuracy, realtime_tracker.get_best_metric('accuracy'))
            })
    
    realtime_tracker.end_run()

# Run experiment in background thread
experiment_thread = threading.Thread(target=long_running_experiment)
experiment_thread.start()

# Monitor progress
print("Experiment running... Check dashboard at http://localhost:8080")
experiment_thread.join()
