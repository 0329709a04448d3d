"""Interpolation: where a mixture of values leaves something of the query over, the answer goes on along a plane.

A mixture of the values of similar keys answers with what is known; it cannot tell where between the keys the
query lies, or how far beyond them. A plane through the nearest pairs (local linear regression, with a ridge) can:

    c V + W (V' - mean V')    with    W = left K'^T (K' K'^T + r I)^-1,    left = q - c K

K' are the nearest keys relative to their mean, and V' their values. This needs values that change smoothly with
what is seen. Joints do; latents do not where the map folds: postures that look alike lie far apart there.

A photograph behind a robot, another person, or mere noise also leave something over, and no posture explains that.
So the plane counts by the share of what is left over that it explains: not at all below the first of `TRUSTED`,
wholly from the second on. Measured on eight free joints (two of five robots): fresh postures 0.29 on average, what
was shown before 0.11, in front of a photograph 0.10, another person 0.10.
"""

from typing import Final

import numpy as np

from models.arrays import AnyFloats

NEIGHBOURS: Final = 32
"""Pairs through which the plane goes."""
RIDGE: Final = 0.005
"""Of the squared distances of these keys from their mean, all together."""
TRUSTED: Final = (0.15, 0.25)
_TINY: Final = 1e-12


def onwards(query: AnyFloats, keys: AnyFloats, values: AnyFloats, shares: AnyFloats) -> AnyFloats:
    """What is to be added (m,) to a mixture of values.

    Args:
        query: (n,) as it is compared.
        keys: (k, n) the nearest ones, as they are compared.
        values: (k, m).
        shares: (k,) how much each of them has to say; the sum is about 1.
    """
    left = query - shares @ keys
    apart = keys - keys.mean(axis=0)
    products = apart @ apart.T
    ridge = RIDGE * np.trace(products) + _TINY
    weights = np.linalg.solve(products + ridge * np.eye(len(keys)), apart @ left)
    rest = left - weights @ apart
    explained = 1.0 - (rest @ rest) / max(left @ left, _TINY)
    least, enough = TRUSTED
    trust = np.clip((explained - least) / (enough - least), 0.0, 1.0)
    reach = np.ptp(values, axis=0)
    return np.asarray(np.clip(trust * (weights @ (values - values.mean(axis=0))), -reach, reach))
