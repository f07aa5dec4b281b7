# R's peers as workers (protocol: worker.py): Rscript peers.R glmnet|nnet|path|grouped|cv FOLDER.
# glmnet: alpha = 0, its lambda is ours; TOL is thresh. nnet: no hidden units, decay on the weights only; TOL is reltol.
# path, grouped and cv: glmnet and cv.glmnet with alpha = 1 at the given lambda, standardised, in the given folds.

arguments <- commandArgs(trailingOnly = TRUE)
peer <- arguments[1]
folder <- arguments[2]
suppressPackageStartupMessages(library(if (peer == "nnet") "nnet" else "glmnet", character.only = TRUE))

# Arrays as NumPy writes them: a header, then little-endian numbers in C order.
read_npy <- function(name) {
  file <- file(file.path(folder, paste0(name, ".npy")), "rb")
  on.exit(close(file))
  start <- readBin(file, "raw", 10)
  header <- rawToChar(readBin(file, "raw", sum(as.integer(start[9:10]) * c(1, 256))))
  shape <- sub(".*shape': ", "", header)
  shape <- as.numeric(regmatches(shape, gregexpr("[0-9]+", shape))[[1]])
  kind <- sub(".*descr': '<([a-z][0-9]).*", "\\1", header)
  n <- prod(shape)
  values <- switch(kind,
    f8 = readBin(file, "double", n, 8),
    f4 = readBin(file, "double", n, 4),
    i4 = readBin(file, "integer", n, 4),
    i8 = readBin(file, "integer", 2 * n, 4)[c(TRUE, FALSE)])
  if (length(shape) == 2) matrix(values, shape[1], shape[2], byrow = TRUE) else values
}

# An array of three dimensions is one in C order already, its dimensions turned round.
write_npy <- function(values, path) {
  shape <- if (is.array(values)) dim(values) else length(values)
  shape <- paste0(paste(if (length(shape) == 3) rev(shape) else shape, collapse = ", "), ",")
  header <- sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }", shape)
  header <- paste0(formatC(header, width = -117, flag = "-"), "\n")
  file <- file(path, "wb")
  on.exit(close(file))
  writeBin(as.raw(c(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0)), file)
  writeBin(nchar(header), file, size = 2, endian = "little")
  writeChar(header, file, eos = NULL)
  writeBin(as.double(if (is.matrix(values)) t(values) else values), file, size = 8, endian = "little")
}

meta <- paste(readLines(file.path(folder, "meta.json"), warn = FALSE), collapse = "")
field <- function(name) sub(sprintf('.*"%s": ([^,}]*).*', name), "\\1", meta)
n <- as.numeric(field("n"))
lambda <- if (field("c") == "null") 0 else 1 / (as.numeric(field("c")) * n)
y <- read_npy("y")
if (field("sparse") == "true") {
  suppressPackageStartupMessages(library(Matrix))
  x <- sparseMatrix(p = read_npy("indptr"), j = read_npy("indices"), x = read_npy("data"), index1 = FALSE,
                    dims = c(n, as.numeric(field("d"))))
} else {
  x <- read_npy("x")
}

# W and b at all lambda; NaN where glmnet gave up.
coefficients <- function(fit, lambdas, d) {
  k <- length(fit$beta)
  w <- array(NaN, c(d, k, length(lambdas)))
  b <- matrix(NaN, length(lambdas), k)
  given <- seq_along(fit$lambda)
  for (class in seq_len(k)) w[, class, given] <- as.matrix(fit$beta[[class]])
  b[given, ] <- t(fit$a0)
  list(w = w, b = b)
}

lasso <- function(x, y, tol, type) {
  fit <- glmnet(x, factor(y), family = "multinomial", alpha = 1, lambda = lambdas, thresh = tol, standardize = TRUE,
                type.multinomial = type, maxit = 1e9)
  coefficients(fit, lambdas, ncol(x))
}

if (!peer %in% c("glmnet", "nnet")) lambdas <- read_npy("lambdas")
if (peer == "cv") folds <- read_npy("folds") + 1

fits <- list(
  path = function(x, y, tol) lasso(x, y, tol, "ungrouped"),
  grouped = function(x, y, tol) lasso(x, y, tol, "grouped"),
  cv = function(x, y, tol) {
    foldid <- if (nrow(x) == length(folds)) folds else rep(1:3, length.out = nrow(x))
    found <- cv.glmnet(x, factor(y), family = "multinomial", alpha = 1, lambda = lambdas, thresh = tol,
                       standardize = TRUE, foldid = foldid, maxit = 1e9)
    scores <- rep(NaN, length(lambdas))
    scores[seq_along(found$cvm)] <- found$cvm / 2
    c(coefficients(found$glmnet.fit, lambdas, ncol(x)), list(scores = scores))
  },
  glmnet = function(x, y, tol) {
    # A short path down to lambda, as its authors advise.
    path <- if (lambda > 0) lambda * 10^seq(3, 0, length.out = 10) else c(10^seq(0, -6), 0)
    fit <- glmnet(x, factor(y), family = "multinomial", alpha = 0, lambda = path, thresh = tol,
                  standardize = FALSE, maxit = 1e8)
    at <- length(path)
    list(w = t(sapply(fit$beta, function(b) as.vector(b[, at]))), b = as.vector(fit$a0[, at]))
  },
  nnet = function(x, y, tol) {
    k <- max(y) + 1
    d <- ncol(x)
    # For each class the intercept, then the weights; the loss is a sum, its penalty decay·w².
    decay <- rep(c(0, rep(lambda * n / 2, d)), k)
    fit <- nnet(x, diag(k)[y + 1, ], size = 0, skip = TRUE, softmax = TRUE, rang = 0, decay = decay, maxit = 1e6,
                reltol = tol, abstol = 0, MaxNWts = 1e8, trace = FALSE)
    parameters <- matrix(fit$wts, k, d + 1, byrow = TRUE)
    list(w = parameters[, -1, drop = FALSE], b = parameters[, 1])
  })
fit <- fits[[peer]]

status <- function(key) {
  line <- grep(key, readLines("/proc/self/status"), value = TRUE)
  1024 * as.numeric(gsub("[^0-9]", "", line[1]))
}
say <- function(text) {
  cat(text, "\n", sep = "")
  flush(stdout())
}

invisible(fit(x[1:60, 1:4], rep(0:2, each = 20), 0.1)) # its libraries are loaded before anything is timed
say('{"ready": true}')
input <- file("stdin", "r")
while (length(line <- readLines(input, n = 1)) > 0) {
  request <- strsplit(trimws(line), " ")[[1]]
  try(cat("5", file = "/proc/self/clear_refs"), silent = TRUE)
  before <- status("VmRSS")
  seconds <- numeric(0)
  for (run in seq_len(as.integer(request[2]))) {
    start <- as.numeric(Sys.time())
    answer <- fit(x, y, as.numeric(request[1]))
    seconds <- c(seconds, max(as.numeric(Sys.time()) - start, 1e-6))
  }
  extra <- max(0, status("VmHWM") - before)
  write_npy(answer$w, paste0(request[3], ".weights.npy"))
  write_npy(answer$b, paste0(request[3], ".intercepts.npy"))
  if (!is.null(answer$scores)) write_npy(answer$scores, paste0(request[3], ".scores.npy"))
  say(sprintf('{"seconds": [%s], "extra_bytes": %.0f}', paste(format(seconds, digits = 6), collapse = ", "), extra))
}
