enum ParleyClusterPlaceholder {}
