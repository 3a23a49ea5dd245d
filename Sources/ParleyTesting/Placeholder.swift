enum ParleyTestingPlaceholder {}
