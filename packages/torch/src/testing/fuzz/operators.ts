/** Common operators: those behind this package's functions, and similar ones. */
export const operators = `
  abs acos adaptive_avg_pool2d add.Scalar add.Tensor add_.Tensor addcdiv addcdiv_ addcmul addcmul_ addmm all all.dim amax
  amin angle any any.dim arange.start_step argmax argmin argsort as_strided atan2 avg_pool2d baddbmm batch_norm bernoulli
  bernoulli_.float binary_cross_entropy binary_cross_entropy_with_logits bincount bmm broadcast_to cat cdist ceil celu chunk
  clamp clamp_ clone constant_pad_nd contiguous conv1d conv2d conv3d conv_transpose2d.input copy_ cos cosine_similarity cross
  cross_entropy_loss cummax cumprod cumsum detach diag diagonal div.Scalar div.Tensor div_.Tensor dot dropout einsum elu
  embedding empty.memory_format empty_like eq.Scalar eq.Tensor equal erf exp expand expand_as eye fill_.Scalar fill_.Tensor
  flatten.using_ints flip floor frobenius_norm.dim full full_like gather ge.Tensor gelu glu gt.Tensor group_norm hardtanh
  huber_loss index.Tensor index_add index_fill.int_Scalar index_put_ index_select instance_norm isclose isfinite isnan
  kl_div kthvalue l1_loss layer_norm le.Tensor leaky_relu lerp.Scalar lerp_.Scalar linalg_inv linalg_qr linalg_solve
  linalg_svd linalg_vector_norm linear linspace log log_softmax.int logaddexp logical_and logical_not logsumexp lstm.data
  lstm.input lstm_cell lt.Tensor margin_ranking_loss masked_fill.Scalar masked_fill_.Tensor masked_select matmul max max.dim
  max_pool2d maximum mean mean.dim median min.dim minimum mm movedim.int mse_loss mul.Scalar mul.Tensor mul_.Tensor
  multinomial mv nan_to_num narrow native_layer_norm ne.Tensor neg nll_loss nonzero norm.Scalar normal_ numel ones
  ones_like pad permute pixel_shuffle pow.Tensor_Scalar pow.Tensor_Tensor prod put rand.generator randint.low_generator
  randn.generator randperm reciprocal reflection_pad2d relu relu_ repeat repeat_interleave.self_int replication_pad2d
  reshape resize_ roll rot90 round rsqrt rsub.Scalar scatter.src scatter_add select.int sigmoid sign silu sin size.int slice.Tensor
  smooth_l1_loss softmax.int softplus sort split.Tensor split_with_sizes sqrt square squeeze squeeze.dim stack std.dim
  sub.Tensor sum sum.dim_IntList t take tanh threshold tile to.dtype_layout topk trace transpose.int tril triu unbind.int
  unfold uniform_ unsqueeze upsample_bilinear2d upsample_nearest2d var.correction var_mean.correction view where.self
  zero_ zeros zeros_like _pack_padded_sequence _pad_packed_sequence _foreach_add_.Scalar _foreach_mul.List node_torch::batch_norm node_torch::adam_step_
  node_torch::conv_transpose2d
`
  .trim()
  .split(/\s+/);
