"""What people say of sampled pairs: asked, stored, counted, and used to correct confidence."""
