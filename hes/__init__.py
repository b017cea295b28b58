"""The head-end system: vocabulary, rules, event store, and the program that wires them."""
