import os
import platform

import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from tracker import ExperimentTracker

X, y = make_classification(n_samples=200, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model_params = {"n_estimators": 100, "max_depth": None, "criterion": "gini"}
random_seed = 0

tracker = ExperimentTracker()
tracker.start_run(run_name="comprehensive")

# --- from here on the specification's own text ---
# Log everything that might be relevant
tracker.log_params({
    # Model parameters
    **model_params,
    
    # Data parameters
    'train_size': len(X_train),
    'test_size': len(X_test),
    'feature_count': X_train.shape[1],
    'class_balance': dict(zip(*np.unique(y_train, return_counts=True))),
    
    # System parameters
    'random_seed': random_seed,
    'cpu_count': os.cpu_count(),
    'python_version': platform.python_version(),
    
    # Preprocessing parameters
    'scaling_method': 'standard',
    'feature_selection': 'variance_threshold',
})
