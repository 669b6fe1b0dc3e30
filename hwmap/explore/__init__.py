"""What a budget costs: every combination of budgets, solved, built and kept."""
