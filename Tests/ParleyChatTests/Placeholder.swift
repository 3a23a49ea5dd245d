enum ParleyChatTestsPlaceholder {}
