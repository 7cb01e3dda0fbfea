import numpy as np

from tracker import ExperimentTracker

tracker = ExperimentTracker()

# --- from here on the specification's own text ---
# Log custom artifacts
run_id = tracker.start_run("custom_artifacts_demo")

# Log numpy arrays
feature_importance = np.random.rand(20)
tracker.log_numpy_array(feature_importance, "feature_importance.npy")

# Log pandas DataFrames
import pandas as pd
results_df = pd.DataFrame({
    'epoch': range(50),
    'train_loss': np.random.rand(50),
    'val_loss': np.random.rand(50)
})
tracker.log_dataframe(results_df, "training_history.csv")

# Log custom plots
import matplotlib.pyplot as plt
plt.figure(figsize=(10, 6))
plt.plot(results_df['epoch'], results_df['train_loss'], label='Train Loss')
plt.plot(results_df['epoch'], results_df['val_loss'], label='Val Loss')
plt.legend()
plt.title('Training History')
tracker.log_plot(plt, "training_curves.png")
plt.close()

# Log text files
training_log = """
Training Configuration:
- Model: RandomForest
- Features: 20
- Training samples: 800
- Validation samples: 200

Training completed successfully.
Best validation accuracy: 0.92
"""
tracker.log_text(training_log, "training_log.txt")

tracker.end_run()
