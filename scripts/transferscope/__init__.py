"""How well does a pretrained vision backbone transfer, and to what?"""

import os

# The Snakefile imports this, so every job inherits it. A compute node may have no internet: only the local
# rules of download.smk reach out, and they by other means.
os.environ["HF_HUB_OFFLINE"] = "1"
