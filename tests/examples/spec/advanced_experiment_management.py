# --- from here on the specification's own text ---
from tracker import ExperimentTracker
import numpy as np
import time

# Initialize tracker with comprehensive logging
tracker = ExperimentTracker(
    experiment_name="deep_learning_experiments",
    backend="both",  # Log to both local and MLflow
    auto_log=True
)

# Custom metrics logging
class CustomMetricsTracker:
    def __init__(self, tracker):
        self.tracker = tracker
        self.epoch_metrics = []
        
    def log_epoch(self, epoch, train_loss, val_loss, train_acc, val_acc, lr):
        """Log metrics for each epoch"""
        metrics = {
            f'epoch_{epoch}/train_loss': train_loss,
            f'epoch_{epoch}/val_loss': val_loss,
            f'epoch_{epoch}/train_accuracy': train_acc,
            f'epoch_{epoch}/val_accuracy': val_acc,
            f'epoch_{epoch}/learning_rate': lr
        }
        
        self.tracker.log_metrics(metrics, step=epoch)
        self.epoch_metrics.append(metrics)
    
    def log_training_summary(self):
        """Log summary statistics of training"""
        if not self.epoch_metrics:
            return
            
        # Calculate summary metrics
        train_losses = [m[k] for m in self.epoch_metrics for k in m.keys() if 'train_loss' in k]
        val_losses = [m[k] for m in self.epoch_metrics for k in m.keys() if 'val_loss' in k]
        
        summary = {
            'final_train_loss': train_losses[-1] if train_losses else 0,
            'final_val_loss': val_losses[-1] if val_losses else 0,
            'min_val_loss': min(val_losses) if val_losses else 0,
            'training_stability': np.std(train_losses[-10:]) if len(train_losses) >= 10 else 0,
            'convergence_epoch': len(train_losses)
        }
        
        self.tracker.log_metrics(summary)

# Start comprehensive experiment
run_id = tracker.start_run(run_name="neural_network_v1")

# Log system information
import platform
import psutil

system_info = {
    'platform': platform.platform(),
    'python_version': platform.python_version(),
    'cpu_count': psutil.cpu_count(),
    'memory_gb': psutil.virtual_memory().total / (1024**3)
}
tracker.log_params(system_info)

# Simulate neural network training with custom metrics
custom_tracker = CustomMetricsTracker(tracker)

# Training simulation
n_epochs = 50
for epoch in range(n_epochs):
    # Simulate training metrics
    train_loss = 2.0 * np.exp(-epoch * 0.1) + np.random.normal(0, 0.05)
    val_loss = 2.2 * np.exp(-epoch * 0.09) + np.random.normal(0, 0.08)
    train_acc = 1 - np.exp(-epoch * 0.15) + np.random.normal(0, 0.02)
    val_acc = 1 - np.exp(-epoch * 0.12) + np.random.normal(0, 0.03)
    lr = 0.01 * (0.95 ** epoch)
    
    # Log epoch metrics
    custom_tracker.log_epoch(epoch, train_loss, val_loss, train_acc, val_acc, lr)
    
    # Log additional metrics every 10 epochs
    if epoch % 10 == 0:
        tracker.log_metrics({
            'gradient_norm': np.random.uniform(0.1, 1.0),
            'weight_norm': np.random.uniform(10, 50),
            'memory_usage_mb': np.random.uniform(500, 1500)
        }, step=epoch)
    
    time.sleep(0.1)  # Simulate training time

# Log training summary
custom_tracker.log_training_summary()

# Log final model artifacts
tracker.log_artifact_data({
    'model_architecture': 'dense_network',
    'layers': [128, 64, 32, 10],
    'activation': 'relu',
    'optimizer': 'adam'
}, 'model_config.json')

tracker.end_run()
