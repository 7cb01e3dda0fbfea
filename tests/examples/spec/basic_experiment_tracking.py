# --- from here on the specification's own text ---
from tracker import ExperimentTracker
from sklearn.ensemble import RandomForestClassifier
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.metrics import accuracy_score, classification_report

# Initialize experiment tracker
tracker = ExperimentTracker(
    output_dir="./ml_experiments",
    experiment_name="random_forest_classification",
    backend="local"
)

# Generate sample data
X, y = make_classification(n_samples=1000, n_features=20, n_classes=2, random_state=42)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)

# Start experiment run
run_id = tracker.start_run(run_name="rf_baseline")

# Log parameters
tracker.log_params({
    'n_estimators': 100,
    'max_depth': 10,
    'random_state': 42,
    'train_size': len(X_train),
    'test_size': len(X_test),
    'n_features': X.shape[1]
})

# Train model
model = RandomForestClassifier(n_estimators=100, max_depth=10, random_state=42)
model.fit(X_train, y_train)

# Make predictions
y_pred = model.predict(X_test)
accuracy = accuracy_score(y_test, y_pred)

# Log metrics
tracker.log_metrics({
    'accuracy': accuracy,
    'train_accuracy': model.score(X_train, y_train),
    'test_accuracy': accuracy
})

# Log model
tracker.log_model(model, "random_forest_model")

# Log artifacts
classification_rep = classification_report(y_test, y_pred, output_dict=True)
tracker.log_artifact_data(classification_rep, "classification_report.json")

# Log plots
tracker.log_confusion_matrix(y_test, y_pred)
tracker.log_feature_importance(model, feature_names=[f"feature_{i}" for i in range(X.shape[1])])

# End run
tracker.end_run()

print(f"Experiment completed. Run ID: {run_id}")
