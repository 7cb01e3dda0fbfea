import os

from forest_study import forest_study

tracker = forest_study(runs=int(os.environ["STUDY_RUNS"]))

# --- from here on the specification's own text ---
from tracker import HyperparameterAnalyzer

# Analyze hyperparameter importance
analyzer = HyperparameterAnalyzer(tracker)

# Get runs for analysis
experiment_runs = tracker.get_experiment_runs("random_forest_classification")

# Analyze parameter importance
importance_analysis = analyzer.analyze_parameter_importance(
    runs=experiment_runs,
    target_metric='accuracy',
    parameters=['n_estimators', 'max_depth', 'min_samples_split']
)

print("Parameter Importance Analysis:")
for param, importance in importance_analysis.items():
    print(f"  {param}: {importance:.4f}")

# Generate parameter interaction plots
analyzer.plot_parameter_interactions(
    runs=experiment_runs,
    parameters=['n_estimators', 'max_depth'],
    target_metric='accuracy',
    save_path="parameter_interactions.png"
)

# Find optimal parameter ranges
optimal_ranges = analyzer.find_optimal_ranges(
    runs=experiment_runs,
    target_metric='accuracy',
    percentile=90  # Top 10% of runs
)

print("Optimal Parameter Ranges (top 10% runs):")
for param, range_info in optimal_ranges.items():
    print(f"  {param}: {range_info['min']:.2f} - {range_info['max']:.2f}")
