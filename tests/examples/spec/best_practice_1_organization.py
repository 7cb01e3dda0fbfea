from datetime import datetime

from tracker import ExperimentTracker

version = 3

# --- from here on the specification's own text ---
# Organize experiments hierarchically
tracker = ExperimentTracker(
    experiment_name="model_development/random_forest/hyperparameter_tuning",
    backend="mlflow"
)

# Use consistent naming conventions
run_name = f"rf_{datetime.now().strftime('%Y%m%d_%H%M%S')}_v{version}"
run_id = tracker.start_run(run_name=run_name)

# Tag runs for easy filtering
tracker.set_tags({
    'model_type': 'random_forest',
    'experiment_phase': 'hyperparameter_tuning',
    'dataset_version': 'v2.1',
    'developer': 'data_scientist_1'
})
