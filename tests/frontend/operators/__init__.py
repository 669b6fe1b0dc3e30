"""Networks of one operator each, in every form; importing a module registers them."""
