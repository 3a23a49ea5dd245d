//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import VectorIndex

let index = try VectorIndex(.init(model: "none", dimension: 3))
print(index.status)
