//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#pragma once

#include "include/CFaiss.h"

#include <stdexcept>
#include <string>

namespace vectors {

/// An error that the caller is told with its own status.
struct Failure : std::runtime_error {
    vector_index_status status;

    Failure(vector_index_status status, const std::string &what) : runtime_error(what), status(status) {}
};

} // namespace vectors
