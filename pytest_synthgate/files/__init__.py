"""Files that other programs and people read and write too: checked on the way in, replaced whole on the way out."""
