enum ParleyKnowledgeTestsPlaceholder {}
