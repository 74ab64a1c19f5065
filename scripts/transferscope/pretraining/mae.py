"""Masked autoencoders (He et al., CVPR 2022)."""

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.pretraining.method import Method, Outcome
from transferscope.pretraining.parts.lightly import heads, utils
from transferscope.pretraining.parts.views import full_precision
from transferscope.training.augment import Augmentation


class MAE(Method):
    """Completes an image of which only some patches are seen (section 3).

    The features are those of the patches that are seen.

    Args:
        backbone: a plain vision transformer of timm; it is initialised anew (appendix A).
        masked: share of the patches that are not seen.
        decoder_width, decoder_depth, decoder_heads: what the decoder is like.
        normalised: whether each patch of the target has mean 0 and variance 1.
        size, facts: as for ``Method``.

    Raises:
        InputError: for another network.
    """

    augment = Augmentation(jitter=False, greyscale=False, crop=False, cutout=False, resized_crop=True)

    def __init__(
        self,
        backbone: nn.Module,
        *,
        size: int,
        masked: float = 0.75,
        decoder_width: int = 512,
        decoder_depth: int = 8,
        decoder_heads: int = 16,
        normalised: bool = True,
        **facts: int,
    ):
        super().__init__(backbone, size=size, **facts)
        # What is derived from it has further tokens or other positions.
        if type(backbone) is not VisionTransformer or backbone.pos_embed is None:
            raise InputError(
                f"mae leaves out patches of a plain vision transformer, and {type(backbone).__name__} is "
                "none; choose an arch of timm's VisionTransformer with position embeddings, such as "
                "vit_small_patch16_224"
            )
        self.patch, self.prefix = backbone.patch_embed.patch_size[0], backbone.num_prefix_tokens
        self.patches = (size // self.patch) ** 2
        self.seen = int(self.patches * (1 - masked))
        if not 0 < self.seen < self.patches:
            raise InputError(
                f"mae would see {self.seen} of {self.patches} patches of an image of {size} pixels; set "
                "another share masked, a larger size or an arch with smaller patches"
            )
        self.normalised = normalised
        self.encoder = heads.MaskedVisionTransformerTIMM(backbone, pos_embed_initialization="skip")
        utils.initialize_2d_sine_cosine_positional_embedding(
            backbone.pos_embed, num_prefix_tokens=0 if backbone.no_embed_class else self.prefix
        )
        self.embed = nn.Linear(backbone.embed_dim, decoder_width)
        self.decoder = heads.MaskedVisionTransformerDecoderTIMM(
            self.patches, decoder_width, decoder_depth, decoder_heads, num_prefix_tokens=self.prefix
        )
        self.predict = nn.Linear(decoder_width, backbone.patch_embed.proj.in_channels * self.patch**2)

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        order = torch.rand(len(images), self.patches, device=images.device).argsort(1)
        unseen = order[:, self.seen :]
        first = torch.arange(self.prefix, device=images.device).expand(len(images), -1)
        tokens = torch.cat([first, self.prefix + order], 1)
        encoded = self.encoder.encode(images, idx_keep=tokens[:, : self.prefix + self.seen])
        left_out = self.decoder.mask_token.expand(*unseen.shape, -1)
        sequence = torch.cat([self.embed(encoded), left_out], 1)
        decoded = self.decoder(utils.get_at_index(sequence, tokens.argsort(1)))
        predicted = self.predict(utils.get_at_index(decoded, self.prefix + unseen))
        with full_precision(images):
            target = utils.get_at_index(utils.patchify(images, self.patch), unseen)
            if self.normalised:
                target = utils.normalize_mean_var(target)
            loss = nn.functional.mse_loss(predicted.float(), target)
        return Outcome(loss, None, self.backbone.forward_head(encoded))
