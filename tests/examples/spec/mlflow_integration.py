from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

X, y = make_classification(n_samples=200, n_features=8, random_state=42)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)

# --- from here on the specification's own text ---
from tracker import ExperimentTracker
import mlflow

# Initialize with MLflow backend
tracker = ExperimentTracker(
    experiment_name="automl_comparison",
    backend="mlflow",
    mlflow_tracking_uri="http://localhost:5000",  # MLflow server
    auto_log=True
)

# Set MLflow experiment
mlflow.set_experiment("automl_comparison")

# Multiple runs for hyperparameter tuning
hyperparams_grid = [
    {'n_estimators': 50, 'max_depth': 5},
    {'n_estimators': 100, 'max_depth': 10},
    {'n_estimators': 200, 'max_depth': 15}
]

best_accuracy = 0
best_run_id = None

for i, params in enumerate(hyperparams_grid):
    run_id = tracker.start_run(run_name=f"rf_experiment_{i}")
    
    # Log parameters
    tracker.log_params(params)
    
    # Train model with current parameters
    model = RandomForestClassifier(**params, random_state=42)
    model.fit(X_train, y_train)
    
    # Evaluate model
    train_acc = model.score(X_train, y_train)
    test_acc = model.score(X_test, y_test)
    
    # Log metrics
    tracker.log_metrics({
        'train_accuracy': train_acc,
        'test_accuracy': test_acc,
        'accuracy_diff': train_acc - test_acc
    })
    
    # Log model if it's the best so far
    if test_acc > best_accuracy:
        best_accuracy = test_acc
        best_run_id = run_id
        tracker.log_model(model, "best_model")
        
        # Log additional artifacts for best model
        tracker.log_feature_importance(model)
        tracker.log_learning_curve(model, X_train, y_train)
    
    tracker.end_run()

print(f"Best run: {best_run_id} with accuracy: {best_accuracy:.4f}")

# Get experiment summary
summary = tracker.get_experiment_summary()
print("Experiment Summary:", summary)
