enum ParleyKnowledgePlaceholder {}
