from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)

# --- from here on the specification's own text ---
from tracker import AutoMLTracker
from tracker import MLTrainingEngine

# Specialized tracker for AutoML experiments
automl_tracker = AutoMLTracker(
    experiment_name="automl_benchmark",
    track_hyperparameter_search=True,
    track_model_selection=True,
    track_ensemble_creation=True
)

# Initialize training engine with tracker
engine = MLTrainingEngine(
    experiment_tracker=automl_tracker,
    enable_automl=True
)

# Run AutoML experiment
run_id = automl_tracker.start_run("automl_full_pipeline")

# The engine will automatically log:
# - Algorithm selection process
# - Hyperparameter optimization trials
# - Cross-validation results
# - Feature selection steps
# - Model ensemble creation
# - Final model evaluation

results = engine.fit(X_train, y_train)

# Get comprehensive AutoML report
automl_report = automl_tracker.get_automl_report()
print("AutoML Experiment Report:")
print(f"  Total algorithms tested: {automl_report['algorithms_tested']}")
print(f"  Best algorithm: {automl_report['best_algorithm']}")
print(f"  Hyperparameter trials: {automl_report['hyperparameter_trials']}")
print(f"  Feature selection iterations: {automl_report['feature_selection_iterations']}")
print(f"  Final ensemble size: {automl_report['ensemble_size']}")
print(f"  Cross-validation score: {automl_report['cv_score']:.4f}")

automl_tracker.end_run()
