enum ParleyClusterTestsPlaceholder {}
