import os
import traceback

from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from tracker import ExperimentTracker

X, y = make_classification(n_samples=200, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)


def train_model(X, y):
    if "TRAINING_FAILS" in os.environ:
        raise RuntimeError("loss is not finite")
    return LogisticRegression().fit(X, y)


def evaluate_model(model, X, y):
    return {"accuracy": model.score(X, y)}


tracker = ExperimentTracker()

# --- from here on the specification's own text ---
try:
    run_id = tracker.start_run("experiment_with_error_handling")
    
    # Your experiment code here
    model = train_model(X_train, y_train)
    metrics = evaluate_model(model, X_test, y_test)
    
    tracker.log_metrics(metrics)
    tracker.log_model(model, "final_model")
    
except Exception as e:
    # Log error information
    tracker.log_params({
        'error_occurred': True,
        'error_type': type(e).__name__,
        'error_message': str(e)
    })
    
    # Log stack trace as artifact
    tracker.log_text(traceback.format_exc(), "error_traceback.txt")
    
    # Mark run as failed
    tracker.set_run_status("FAILED")
    
    raise  # Re-raise the exception
    
finally:
    # Always end the run
    tracker.end_run()
