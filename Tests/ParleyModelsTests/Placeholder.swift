enum ParleyModelsTestsPlaceholder {}
