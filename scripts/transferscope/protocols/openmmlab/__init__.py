"""Detection, and what it shares with other dense tasks: backbones and training in the OpenMMLab toolboxes."""
