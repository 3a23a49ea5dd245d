enum ParleyModelsPlaceholder {}
