"""Each equation of MTML section 3.2 against hand-computed values; its traps; its gradients."""

import math

import pytest
import torch
from torch import Tensor

from mtml_ros.network.heads import NetworkOutput
from mtml_ros.training.losses import (
    LossSettings,
    Targets,
    direction_loss,
    distance_loss,
    instance_means,
    multi_task_loss,
    regularization_loss,
    semantic_loss,
    variance_loss,
)


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def scenes(*owners: int) -> Tensor:
    return torch.tensor(owners, dtype=torch.int64)


def targets(instance, owners, centers, positions, labels=None) -> Targets:
    n = len(instance)
    return Targets(
        torch.tensor(instance, dtype=torch.int64),
        scenes(*owners),
        torch.tensor(centers, dtype=torch.float64).reshape(-1, 3),
        torch.tensor(positions, dtype=torch.float64).reshape(-1, 3),
        torch.tensor(labels if labels is not None else [-1] * n, dtype=torch.int64),
    )


def random_problem(seed: int = 0) -> tuple[Tensor, Tensor, Targets]:
    """Embeddings (30, 4), directions (30, 3), targets: three scenes, the second without objects."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    instance = torch.randint(-1, 5, (30,), generator=generator)
    instance[:5] = torch.arange(5)
    embedding = normal(30, 4)
    direction = torch.nn.functional.normalize(normal(30, 3))
    labels = torch.randint(0, 3, (30,), generator=generator)
    truth = Targets(instance, scenes(0, 0, 0, 2, 2), normal(5, 3), normal(30, 3), labels)
    return embedding, direction, truth


class TestMeans:
    def test_of_each_instance_and_of_nothing_else(self):
        means = instance_means(column(1, 3, 10, 99), torch.tensor([0, 0, 1, -1]), 2)
        assert means.tolist() == [[2.0], [10.0]]

    def test_of_no_instances(self):
        assert instance_means(column(1, 2), torch.tensor([-1, -1]), 0).shape == (0, 1)


class TestVariance:
    """L_var = 1/C sum_c 1/N_c sum_i [ |mu_c - x_i| - d_var ]+^2"""

    def test_by_hand(self):
        # c = 0: 0 and 2 about 1: (1 - 0.3)^2 = 0.49 each, mean 0.49. c = 1: one voxel, 0.
        # L = (0.49 + 0) / 2
        x, instance = column(0, 2, 5), torch.tensor([0, 0, 1])
        means = instance_means(x, instance, 2)
        loss = variance_loss(x, means, instance, scenes(0, 0), 0.3)
        assert loss.item() == pytest.approx(0.245)

    def test_within_the_margin_nothing_is_pulled(self):
        x, instance = column(0, 0.5), torch.tensor([0, 0])
        means = instance_means(x, instance, 1)
        assert variance_loss(x, means, instance, scenes(0), 0.3).item() == 0

    def test_large_instances_count_no_more_than_small_ones(self):
        # c = 0: ten voxels, five at 0 and five at 2, 0.49 as before; c = 1: 10 and 14 about 12:
        # (2 - 0.3)^2 = 2.89. L = (0.49 + 2.89) / 2
        x = column(*[0] * 5, *[2] * 5, 10, 14)
        instance = torch.tensor([0] * 10 + [1] * 2)
        means = instance_means(x, instance, 2)
        loss = variance_loss(x, means, instance, scenes(0, 0), 0.3)
        assert loss.item() == pytest.approx(1.69)


class TestDistance:
    """L_dist = 1/(C (C-1)) sum_{a != b} [ 2 d_dist - |mu_a - mu_b| ]+^2"""

    def test_by_hand(self):
        # 2 d = 2; pairs (0, 1): (2 - 1)^2 = 1; (0, 10), (1, 10): 0. Each pair stands twice in the
        # sum: 2 * 1 / (3 * 2) = 1/3
        loss = distance_loss(column(0, 1, 10), scenes(0, 0, 0), 1.0)
        assert loss.item() == pytest.approx(1 / 3)

    def test_one_instance_has_no_pair_and_gives_zero_not_nan(self):
        means = column(3).requires_grad_()
        loss = distance_loss(means, scenes(0), 1.5)
        loss.backward()
        assert loss.item() == 0
        assert means.grad.tolist() == [[0.0]]

    def test_no_pairs_across_scenes(self):
        # the same place in two scenes: no push
        assert distance_loss(column(1, 1), scenes(0, 1), 1.5).item() == 0

    def test_scenes_are_averaged(self):
        # scene 0: (3 - 1)^2 = 4, once for its one pair; scene 1: 3 instances, 1/3 * (3 - 2)^2 for
        # 0 and 2, the rest far: 1/3. L = (4 + 1/3) / 2
        loss = distance_loss(column(0, 1, 0, 2, 50), scenes(0, 0, 1, 1, 1), 1.5)
        assert loss.item() == pytest.approx((4 + 1 / 3) / 2)

    def test_a_scene_of_one_instance_still_counts_as_a_scene(self):
        # scene 0: 4 as above; scene 1: no pair, 0. L = (4 + 0) / 2
        loss = distance_loss(column(0, 1, 7), scenes(0, 0, 1), 1.5)
        assert loss.item() == pytest.approx(2.0)

    def test_equal_means_are_pushed_with_a_finite_gradient(self):
        means = column(2, 2).requires_grad_()
        loss = distance_loss(means, scenes(0, 0), 1.5)
        loss.backward()
        assert loss.item() == pytest.approx(9.0)
        assert torch.isfinite(means.grad).all()


class TestRegularization:
    """L_reg = 1/C sum_c |mu_c|"""

    def test_by_hand(self):
        means = torch.tensor([[3.0, 4.0], [0.0, 1.0]])  # (5 + 1) / 2
        assert regularization_loss(means, scenes(0, 0)).item() == pytest.approx(3.0)

    def test_a_mean_at_the_origin_has_a_finite_gradient(self):
        means = torch.zeros(1, 2, requires_grad=True)
        regularization_loss(means, scenes(0)).backward()
        assert torch.isfinite(means.grad).all()


class TestDirection:
    """L_dir = - 1/C sum_c 1/N_c sum_i v_i . v_i^GT, v towards the centre"""

    def test_towards_the_centre_is_minus_one_and_away_is_one(self):
        truth = targets([0, 0], [0], [[1, 0, 0]], [[0, 0, 0], [3, 0, 0]])
        towards = torch.tensor([[1.0, 0, 0], [-1, 0, 0]], dtype=torch.float64)
        assert direction_loss(towards, truth).item() == pytest.approx(-1.0)
        assert direction_loss(-towards, truth).item() == pytest.approx(1.0)

    def test_the_sign_of_equation_5_is_an_option(self):
        truth = targets([0, 0], [0], [[1, 0, 0]], [[0, 0, 0], [3, 0, 0]])
        away = torch.tensor([[-1.0, 0, 0], [1, 0, 0]], dtype=torch.float64)
        output = NetworkOutput(torch.zeros(2, 3, dtype=torch.float64), away, None)
        for sign, loss in ((1.0, 1.0), (-1.0, -1.0)):
            terms = multi_task_loss(output, truth, LossSettings(direction_sign=sign))[1]
            assert terms["direction"].item() == pytest.approx(loss)

    def test_by_hand(self):
        # c = 0: cosines 1 and 0.6 (3-4-5), mean 0.8; c = 1: 0. L = -(0.8 + 0) / 2
        truth = targets([0, 0, 1], [0, 0], [[0, 0, 0], [0, 0, 9]],
                        [[-2, 0, 0], [0, -5, 0], [0, 0, 8]])  # fmt: skip
        v = torch.tensor([[1.0, 0, 0], [0.8, 0.6, 0], [1, 0, 0]], dtype=torch.float64)
        assert direction_loss(v, truth).item() == pytest.approx(-0.4)

    def test_a_voxel_at_the_centre_has_no_direction(self):
        # cosines 1 and (at the centre) 0: L = -0.5, and no gradient there
        truth = targets([0, 0], [0], [[0, 0, 0]], [[-2, 0, 0], [0, 0, 0]])
        v = torch.tensor([[1.0, 0, 0], [0, 1, 0]], dtype=torch.float64, requires_grad=True)
        loss = direction_loss(v, truth)
        loss.backward()
        assert loss.item() == pytest.approx(-0.5)
        assert v.grad[1].tolist() == [0, 0, 0]
        assert torch.isfinite(v.grad).all()


class TestSemantic:
    def test_equal_logits_cost_the_logarithm_of_the_channels(self):
        loss = semantic_loss(torch.zeros(3, 4), torch.tensor([0, 3, 1]))
        assert loss.item() == pytest.approx(math.log(4))

    def test_what_is_of_no_class_is_a_channel_like_the_others(self):
        # -log(e^2 / (e^2 + 1)) twice: the first voxel is of channel 0 and said to be
        logits = torch.tensor([[2.0, 0.0], [-1.0, 1.0]])
        loss = semantic_loss(logits, torch.tensor([0, 1]))
        assert loss.item() == pytest.approx(math.log(1 + math.exp(-2)))

    def test_no_voxels_cost_nothing(self):
        logits = torch.ones(0, 3, requires_grad=True)
        loss = semantic_loss(logits, torch.zeros(0, dtype=torch.int64))
        loss.backward()
        assert loss.item() == 0


class TestMultiTask:
    """L = a_FE L_FE + a_dir L_dir, L_FE = w_var L_var + w_dist L_dist + w_reg L_reg"""

    def output(self, semantic=None) -> NetworkOutput:
        direction = torch.tensor([[1.0, 0, 0], [1, 0, 0], [1, 0, 0]], dtype=torch.float64)
        return NetworkOutput(column(0, 2, 5), direction, semantic)

    def truth(self) -> Targets:
        # directions agree with the first instance's (cosines 1, 1), not with the second's (-1)
        return targets([0, 0, 1], [0, 0], [[9, 0, 0], [0, 0, 0]],
                       [[0, 0, 0], [1, 0, 0], [4, 0, 0]], [0, 0, 1])  # fmt: skip

    def test_by_hand(self):
        # L_var = 0.245 (above); means 1 and 5, 4 apart: L_dist = (2 * 2.5 - 4)^2 = 1;
        # L_reg = (1 + 5) / 2 = 3; L_dir = -(1 - 1) / 2 = 0, with the signs below -> 0
        settings = LossSettings(distance_margin=2.5)
        total, terms = multi_task_loss(self.output(), self.truth(), settings)
        values = {name: round(float(value), 6) for name, value in terms.items()}
        assert values == {
            "variance": 0.245, "distance": 1.0, "regularization": 3.0, "direction": 0.0,
        }  # fmt: skip
        assert total.item() == pytest.approx(0.245 + 1.0 + 0.001 * 3)

    def test_weights_are_those_of_the_equations(self):
        settings = LossSettings(0.3, 2.5, variance_weight=2, distance_weight=3,
                                regularization_weight=5, embedding_weight=7,
                                direction_weight=0)  # fmt: skip
        total, _ = multi_task_loss(self.output(), self.truth(), settings)
        assert total.item() == pytest.approx(7 * (2 * 0.245 + 3 * 1.0 + 5 * 3.0))

    def test_a_direction_weight_of_zero_is_fe_only(self):
        embedding, direction, truth = random_problem()
        direction.requires_grad_()
        fe_only = LossSettings(direction_weight=0.0)
        total, terms = multi_task_loss(NetworkOutput(embedding, direction, None), truth, fe_only)
        total.backward()
        assert direction.grad.abs().sum() == 0
        assert terms["direction"] != 0  # still reported
        expected = terms["variance"] + terms["distance"] + 0.001 * terms["regularization"]
        torch.testing.assert_close(total.detach(), expected)

    def test_the_paper_weights_are_the_defaults(self):
        s = LossSettings()
        assert (s.variance_weight, s.distance_weight, s.regularization_weight) == (1, 1, 0.001)

    def test_the_semantic_term_is_added_where_there_is_a_head(self):
        plain, _ = multi_task_loss(self.output(), self.truth(), LossSettings())
        logits = torch.zeros(3, 4, dtype=torch.float64)
        total, terms = multi_task_loss(self.output(logits), self.truth(), LossSettings())
        assert total.item() - plain.item() == pytest.approx(0.5 * math.log(4))
        assert terms["semantic"].item() == pytest.approx(math.log(4))

    @pytest.mark.parametrize("voxels", [0, 3])
    def test_a_batch_without_any_instance_gives_zero_loss_and_zero_gradient(self, voxels):
        embedding = torch.ones(voxels, 4, requires_grad=True)
        direction = torch.ones(voxels, 3, requires_grad=True)
        truth = targets([-1] * voxels, [], [], [[0, 0, 0]] * voxels)
        total, _ = multi_task_loss(NetworkOutput(embedding, direction, None), truth, LossSettings())
        total.backward()
        assert total.item() == 0
        assert embedding.grad.abs().sum() == direction.grad.abs().sum() == 0

    def test_an_empty_scene_among_others_changes_nothing(self):
        """A batch of scenes 0, (1: empty), 2 costs the mean of scenes 0 and 2 alone."""
        embedding, direction, truth = random_problem()
        settings = LossSettings()
        both, _ = multi_task_loss(NetworkOutput(embedding, direction, None), truth, settings)
        alone = []
        for ids in ((0, 1, 2), (3, 4)):
            mine = torch.isin(truth.instance, torch.tensor(ids))
            part = Targets(truth.instance[mine] - ids[0], scenes(*[0] * len(ids)),
                           truth.centers[list(ids)], truth.positions[mine],
                           truth.labels[mine])  # fmt: skip
            output = NetworkOutput(embedding[mine], direction[mine], None)
            alone.append(multi_task_loss(output, part, settings)[0])
        torch.testing.assert_close(both, (alone[0] + alone[1]) / 2)

    def test_voxels_without_instance_have_no_gradient(self):
        embedding, direction, truth = random_problem()
        embedding.requires_grad_()
        direction.requires_grad_()
        output = NetworkOutput(embedding, direction, None)
        multi_task_loss(output, truth, LossSettings())[0].backward()
        outside = truth.instance < 0
        assert outside.any()
        assert embedding.grad[outside].abs().sum() == direction.grad[outside].abs().sum() == 0
        assert (embedding.grad[~outside].abs().sum(1) > 0).all()

    def test_all_embeddings_equal_have_finite_gradients(self):
        _, direction, truth = random_problem()
        embedding = torch.zeros(30, 4, dtype=torch.float64, requires_grad=True)
        output = NetworkOutput(embedding, direction, None)
        multi_task_loss(output, truth, LossSettings())[0].backward()
        assert torch.isfinite(embedding.grad).all()


class TestGradients:
    """Analytic gradients against finite differences, in double precision."""

    def check(self, function, *inputs: Tensor) -> None:
        assert torch.autograd.gradcheck(function, [x.clone().requires_grad_() for x in inputs])

    def test_variance(self):
        embedding, _, truth = random_problem()

        def loss(x: Tensor) -> Tensor:
            means = instance_means(x, truth.instance, 5)
            return variance_loss(x, means, truth.instance, truth.scene_of_instance, 0.3)

        self.check(loss, embedding)

    def test_distance_and_regularization(self):
        means = instance_means(random_problem()[0], random_problem()[2].instance, 5)
        owner = random_problem()[2].scene_of_instance
        self.check(lambda m: distance_loss(m, owner, 1.5), means)
        self.check(lambda m: regularization_loss(m, owner), means)

    def test_direction(self):
        _, direction, truth = random_problem()
        self.check(lambda v: direction_loss(v, truth), direction)

    def test_semantic(self):
        logits = torch.randn(30, 3, dtype=torch.float64)
        self.check(lambda x: semantic_loss(x, random_problem()[2].labels), logits)

    def test_all_together(self):
        embedding, direction, truth = random_problem(1)
        self.check(
            lambda x, v: multi_task_loss(NetworkOutput(x, v, None), truth, LossSettings())[0],
            embedding,
            direction,
        )
