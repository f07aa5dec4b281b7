# Fits of R's glmnet whose numbers need conversion: two classes (family = "binomial"), an even number of classes (the
# median of a feature's weights is not unique) and penalty factors (rescaled to sum to d).
# Run in this folder: Rscript glmnet_conventions.R > glmnet_conventions.csv     (glmnet 4.1-6)
library(glmnet)
glmnet.control(fdev = 0)
read <- function(file, target) {
    t <- read.csv(file.path("../../../../data", file))
    list(x = as.matrix(t[, names(t) != target]), y = factor(t[[target]]))
}
two <- read("iris.csv", "species")
keep <- two$y != levels(two$y)[1]
two <- list(x = two$x[keep, ], y = factor(two$y[keep]))
six <- read("glass.csv", "type")
show <- function(name, data, family, alpha, lambda, standardize, factors, weights, intercept = TRUE) {
    fit <- glmnet(data$x, data$y, family = family, alpha = alpha, lambda = lambda * c(4, 2, 1), thresh = 1e-24,
        maxit = 1e8, standardize = standardize, penalty.factor = factors, weights = weights, intercept = intercept)
    # The last of a sequence of three: glmnet advises against single ones.
    c <- coef(fit, s = lambda)
    if (family == "binomial") c <- setNames(list(c), levels(data$y)[2])
    for (k in names(c)) {
        v <- as.numeric(c[[k]])
        for (j in seq_along(v)) cat(sprintf("%s,%s,%g,%g,%s,%s,%d,%.12g\n", name, family, alpha, lambda, standardize,
            k, j - 1, v[j]))
    }
}
cat("fit,family,alpha,lambda,standardize,class,term,value\n")
ones <- function(data) rep(1, nrow(data$x))
for (alpha in c(0, 0.5, 1)) for (standardize in c(TRUE, FALSE)) {
    show("two", two, "binomial", alpha, 0.05, standardize, rep(1, 4), ones(two))
    show("six", six, "multinomial", alpha, 0.02, standardize, rep(1, 9), ones(six))
}
show("two factors", two, "binomial", 0.5, 0.05, TRUE, c(0, 1, 2, 4), ones(two))
show("six factors", six, "multinomial", 1, 0.02, TRUE, c(1, 1, 2, 0.5, 3, 1, 1, 4, 1), ones(six))
show("two weights", two, "binomial", 0.5, 0.05, TRUE, rep(1, 4), rep(c(1, 2), 50))
show("two through 0", two, "binomial", 0.5, 0.05, TRUE, rep(1, 4), ones(two), intercept = FALSE)
