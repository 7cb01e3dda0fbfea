from forest_study import forest_study

tracker = forest_study(runs=12)

# --- from here on the specification's own text ---
from tracker import ExperimentComparator

# Initialize comparator
comparator = ExperimentComparator(tracker)

# Get all runs from an experiment
runs = tracker.get_experiment_runs("random_forest_classification")

# Compare runs
comparison = comparator.compare_runs(
    run_ids=[run['run_id'] for run in runs[-5:]],  # Last 5 runs
    metrics=['accuracy', 'train_accuracy', 'test_accuracy'],
    include_params=True
)

print("Run Comparison:")
for run_id, data in comparison.items():
    print(f"Run {run_id}:")
    print(f"  Parameters: {data['params']}")
    print(f"  Metrics: {data['metrics']}")
    print(f"  Best Metric: {data['best_metric']}")

# Generate comparison plots
comparator.plot_metric_comparison(
    run_ids=[run['run_id'] for run in runs],
    metric='accuracy',
    save_path="accuracy_comparison.png"
)

# Statistical analysis
stats = comparator.get_statistical_summary(
    run_ids=[run['run_id'] for run in runs],
    metric='accuracy'
)

print(f"Statistical Summary for accuracy:")
print(f"  Mean: {stats['mean']:.4f}")
print(f"  Std: {stats['std']:.4f}")
print(f"  Min: {stats['min']:.4f}")
print(f"  Max: {stats['max']:.4f}")
print(f"  95% CI: [{stats['ci_lower']:.4f}, {stats['ci_upper']:.4f}]")
