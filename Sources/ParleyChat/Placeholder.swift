enum ParleyChatPlaceholder {}
