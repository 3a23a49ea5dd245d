enum ParleyStorePlaceholder {}
